"""Networks and operations on weights that only training and evaluation need."""
