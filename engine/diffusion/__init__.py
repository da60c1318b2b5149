"""The diffusion method: a denoiser, guidance as known values, samplers, tile upsampling. Everything here uses torch."""
