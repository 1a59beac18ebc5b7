import pytest
import torch
from torch.nn import functional as F

from models.nets.attention import parameter_count
from models.nets.fcn import FCN, FCNConfig
from models.nets.unet import UNet, UNetConfig

SIZES = [(1, 1), (2, 3), (17, 31), (64, 64), (33, 128)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "net",
    [
        FCN(FCNConfig(width=8)),
        UNet(UNetConfig(widths=(8, 16, 24))),
        UNet(UNetConfig(widths=(8, 16, 24), patch=2, context_heads=3)),
    ],
    ids=["fcn", "unet", "unet-patch-context"],
)
def test_any_size_in_same_size_out(net, size):
    out = net(torch.rand(2, 3, *size))
    assert out.shape == (2, 3, *size)
    assert out.isfinite().all()


def test_parameter_counts():
    # FCN: 3*9*32 + 6*(32*9*32) + 7*(2*32) norms + 32*3 + 3 head = 864 + 55296 + 448 + 99
    assert parameter_count(FCN()) == 56707
    # UNet widths (8, 16): down 9*(3*8 + 8*8) + 32 | 9*(8*16 + 16*16) + 64; up 9*(24*8 + 8*8) + 32; head 8*3 + 3
    assert parameter_count(UNet(UNetConfig(widths=(8, 16)))) == 792 + 32 + 3456 + 64 + 2304 + 32 + 27
    # the default, widths 16, 32, 64, 128: convolutions down 2736 + 13824 + 55296 + 221184, up 147456 + 36864 + 9216;
    # norms 4 * (16 + 32 + 64 + 128 + 64 + 32 + 16) = 1408; head 16*3 + 3
    assert parameter_count(UNet()) == 486576 + 1408 + 51


@pytest.mark.parametrize("net", [FCN(FCNConfig(width=8)), UNet(UNetConfig(widths=(8, 16)))])
def test_a_frame_does_not_depend_on_its_neighbours_in_the_batch(net):
    x = torch.rand(3, 3, 24, 20)
    torch.testing.assert_close(net(x)[:1], net(x[:1]), rtol=1e-4, atol=1e-5)


def test_residual_needs_equal_channels():
    with pytest.raises(ValueError, match="channels"):
        UNet(UNetConfig(in_channels=3, out_channels=1, residual=True))


def test_untrained_denoiser_is_the_identity():
    x = torch.rand(1, 1, 9, 7)
    assert torch.equal(UNet(UNetConfig(1, 1, (8, 16), residual=True))(x), x)


def blobs(n, generator):
    """Smooth pictures: a 5 x 5 random field stretched to 32 x 32."""
    coarse = torch.rand(n, 1, 5, 5, generator=generator)
    return F.interpolate(coarse, (32, 32), mode="bicubic", align_corners=False)


def test_unet_learns_to_denoise():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    net = UNet(UNetConfig(1, 1, (8, 16), residual=True))
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(120):
        clean = blobs(8, generator)
        noisy = clean + 0.1 * torch.randn(clean.shape, generator=generator)
        loss = F.mse_loss(net(noisy), clean)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    clean = blobs(16, generator)
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=generator)
    with torch.no_grad():
        left = F.mse_loss(net(noisy), clean)
    # noise of standard deviation 0.1 has a mean square of 0.01; at least three quarters of it must go
    assert F.mse_loss(noisy, clean) == pytest.approx(0.01, rel=0.1)
    assert left < 0.0025
