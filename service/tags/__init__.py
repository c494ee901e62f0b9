"""What a shop wants to know of a garment: its category, colours and attributes, from an answer alone."""
