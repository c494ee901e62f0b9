"""What the network says -> persons and segments at the picture's own size."""
