"""The contract in machine form, and the page that shows it."""
