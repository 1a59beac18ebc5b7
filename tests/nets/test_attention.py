import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.nets.attention import MultiHeadSelfAttention, TransformerBlock, parameter_count


@pytest.mark.parametrize(("d_model", "n_heads", "weights"), [(64, 4, 16384), (8, 1, 256), (12, 3, 576)])
def test_attention_has_exactly_four_square_matrices(d_model, n_heads, weights):
    # 4 * 64^2 = 16384; 4 * 8^2 = 256; 4 * 12^2 = 576
    assert parameter_count(MultiHeadSelfAttention(d_model, n_heads)) == weights


def test_block_parameter_count():
    # attention 4*64^2 = 16384; MLP weights 2*4*64^2 = 32768; MLP biases 256 + 64; two LayerNorms 4*64 = 256
    assert parameter_count(TransformerBlock()) == 16384 + 32768 + 320 + 256
    # d=8, ratio 2: 256 + 256 + (16 + 8) + 32
    assert parameter_count(TransformerBlock(8, 2, mlp_ratio=2)) == 568


def test_heads_must_divide_width():
    with pytest.raises(ValueError, match="multiple"):
        MultiHeadSelfAttention(10, 4)


def naive(attention, x, mask=None):
    """Attention head by head, token by token, as in the paper."""
    q, k, v = attention.w_q(x), attention.w_k(x), attention.w_v(x)
    d = attention.d_head
    heads = []
    for h in range(attention.n_heads):
        part = slice(h * d, (h + 1) * d)
        scores = q[..., part] @ k[..., part].transpose(-1, -2) / math.sqrt(d)
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, :], -torch.inf)
        heads.append(scores.softmax(-1) @ v[..., part])
    return attention.w_o(torch.cat(heads, -1))


@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_naive_formula(masked):
    torch.manual_seed(0)
    attention = MultiHeadSelfAttention(24, 3).double()
    x = torch.randn(2, 7, 24, dtype=torch.float64)
    mask = torch.zeros(2, 7, dtype=torch.bool)
    mask[0, 5:] = mask[1, 0] = masked
    ours = attention(x, mask if masked else None)
    theirs = naive(attention, x, mask if masked else None)
    torch.testing.assert_close(ours[~mask], theirs[~mask], rtol=1e-12, atol=1e-12)


def test_known_numbers():
    attention = MultiHeadSelfAttention(2, 1)
    for linear in (attention.w_q, attention.w_k, attention.w_v, attention.w_o):
        torch.nn.init.eye_(linear.weight)
    out = attention(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    # scores of token 0: (1, 0)/sqrt(2) -> softmax = e^.7071/(e^.7071 + 1) = .66976, .33024
    torch.testing.assert_close(out[0, 0], torch.tensor([0.66976, 0.33024]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("junk", [5.0, float("nan"), float("inf")])
def test_a_masked_token_changes_no_bit(junk):
    torch.manual_seed(1)
    block = TransformerBlock(16, 2).eval()
    x = torch.randn(2, 6, 16)
    mask = torch.zeros(2, 6, dtype=torch.bool)
    mask[:, 2] = True
    other = x.clone()
    other[:, 2] = junk
    a, b = block(x, mask), block(other, mask)
    assert torch.equal(a[~mask], b[~mask])


def test_all_tokens_masked_is_finite():
    attention = MultiHeadSelfAttention(8, 2)
    out = attention(torch.randn(2, 3, 8), torch.tensor([[True] * 3, [False] * 3]))
    assert torch.equal(out[0], torch.zeros(3, 8))
    assert out.isfinite().all()


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(5)))
def test_permutation_equivariant(order):
    torch.manual_seed(2)
    block = TransformerBlock(16, 4).double()
    x = torch.randn(1, 5, 16, dtype=torch.float64)
    torch.testing.assert_close(block(x)[:, order], block(x[:, order]), rtol=1e-10, atol=1e-10)
