"""The commands of `spectrum`: what each reads, and what each runs."""
