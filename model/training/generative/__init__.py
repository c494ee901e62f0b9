"""What the generative stages share: pictures, captions, latents, noise, and sheets to look at."""
