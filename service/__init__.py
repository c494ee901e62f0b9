"""The Spectrum service: HTTP in front, a Redis queue behind it, workers that hold the model."""
