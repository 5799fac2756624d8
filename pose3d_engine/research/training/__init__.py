"""How lifters are made: pre-training and fine-tuning, the papers' ways and our own."""
