"""Self-attention and the transformer block, for tokens of any kind and sequences of any length.

Source: Vaswani et al. 2017, "Attention Is All You Need"; pre-norm residuals after Xiong et al. 2020,
"On Layer Normalization in the Transformer Architecture".
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MultiHeadSelfAttention(nn.Module):
    """Multi-head self-attention with exactly ``4 * d_model**2`` weights and no bias.

    There is no positional encoding here: the block is permutation-equivariant, and positions are the tokens' own
    affair.

    Args:
        d_model: Width of a token.
        n_heads: Number of heads; must divide ``d_model``.

    Raises:
        ValueError: ``n_heads`` does not divide ``d_model``.
    """

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        if n_heads < 1 or d_model % n_heads:
            raise ValueError(f"d_model={d_model} is not a multiple of n_heads={n_heads}")
        self.d_model, self.n_heads, self.d_head = d_model, n_heads, d_model // n_heads
        self.w_q = nn.Linear(d_model, d_model, bias=False)
        self.w_k = nn.Linear(d_model, d_model, bias=False)
        self.w_v = nn.Linear(d_model, d_model, bias=False)
        self.w_o = nn.Linear(d_model, d_model, bias=False)

    def _heads(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        return x.reshape(batch, length, self.n_heads, self.d_head).transpose(1, 2)  # (B, n_heads, L, d_head)

    def forward(self, x: Tensor, key_padding_mask: Tensor | None = None) -> Tensor:
        """Let every token attend to every token that is not masked.

        Args:
            x: Tokens ``(B, L, d_model)``.
            key_padding_mask: Boolean ``(B, L)``, True where a token is absent. What an absent token holds (NaN
                included) changes no bit of the other tokens' output. Where all tokens of a row are absent, the
                output of the row is zero.

        Returns:
            Tokens ``(B, L, d_model)``; those of absent tokens are finite but without meaning.
        """
        batch, length, _ = x.shape
        visible = None
        if key_padding_mask is not None:
            x = x.masked_fill(key_padding_mask[..., None], 0.0)  # 0 * NaN would reach the others through V
            visible = ~key_padding_mask[:, None, None, :]  # (B, 1, 1, L)
        q, k, v = self._heads(self.w_q(x)), self._heads(self.w_k(x)), self._heads(self.w_v(x))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)  # (B, n_heads, L, d_head)
        if key_padding_mask is not None:
            empty = key_padding_mask.all(dim=1)[:, None, None, None]
            mixed = mixed.masked_fill(empty, 0.0)  # a softmax over nothing is NaN on some back ends
        out: Tensor = self.w_o(mixed.transpose(1, 2).reshape(batch, length, self.d_model))
        return out


class TransformerBlock(nn.Module):
    """Pre-norm transformer block: attention and a GELU MLP, each behind a LayerNorm and a residual.

    Weights: ``4 d^2`` (attention) + ``2 mlp_ratio d^2`` (MLP) + ``(mlp_ratio + 1) d`` MLP biases + ``4 d``
    LayerNorm parameters.

    Args:
        d_model: Width of a token.
        n_heads: Number of heads; must divide ``d_model``.
        mlp_ratio: Width of the MLP over ``d_model``.
    """

    def __init__(self, d_model: int = 64, n_heads: int = 4, mlp_ratio: int = 4) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = MultiHeadSelfAttention(d_model, n_heads)
        self.norm_mlp = nn.LayerNorm(d_model)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, mlp_ratio * d_model), nn.GELU(), nn.Linear(mlp_ratio * d_model, d_model)
        )

    def forward(self, x: Tensor, key_padding_mask: Tensor | None = None) -> Tensor:
        """Transform tokens ``(B, L, d_model)``; see ``MultiHeadSelfAttention.forward`` for the mask."""
        x = x + self.attention(self.norm_attention(x), key_padding_mask)
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


def parameter_count(module: torch.nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
