"""What msclap's HTSAT makes of a window, and nothing else, which is quicker.

msclap's own forward also classifies the window into the 527 sounds of AudioSet and collects the attention of every
layer, to throw both away, and computes its spectrogram as a convolution. Here the same weights go straight to the
embedding, and the spectrogram is a fast Fourier transform.

Chen et al. 2022, "HTS-AT: A Hierarchical Token-Semantic Audio Transformer for Sound Classification and Detection".
"""

from typing import Any

import torch
from torch import Tensor


def embedding(encoder: Any, windows: Tensor) -> Tensor:
    """Equals ``encoder(windows)["embedding"]`` up to rounding: ``[B, samples]`` -> ``[B, 768]``.

    Args:
        encoder: msclap's ``HTSATWrapper``, in evaluation mode.
        windows: of 7 s at 44.1 kHz, which fit into one of its pictures.
    """
    net = encoder.htsat
    with torch.autocast(windows.device.type, enabled=False):  # powers do not fit into half precision
        bands = net.logmel_extractor(power_spectrogram(net.spectrogram_extractor.stft, windows)[:, None])
    bands = net.bn0(bands.transpose(1, 3)).transpose(1, 3)
    patches = net.patch_embed(net.reshape_wav2img(bands))
    for layer in net.layers:
        for block in layer.blocks:
            patches, _attention = block(patches)
        if layer.downsample is not None:
            patches = layer.downsample(patches)
    return net.norm(patches).mean(dim=1)


def power_spectrogram(stft: Any, windows: Tensor) -> Tensor:
    """Return what torchlibrosa's ``STFT`` gives, squared: ``[B, samples]`` -> ``[B, frames, bins]``."""
    taper = stft.conv_real.weight[0, 0]  # the convolution's weights at 0 Hz
    spectrum = torch.stft(windows, stft.n_fft, stft.hop_length, window=taper, return_complex=True)
    return torch.view_as_real(spectrum).square().sum(dim=-1).transpose(1, 2)
