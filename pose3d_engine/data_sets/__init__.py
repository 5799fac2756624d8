"""The papers' data sets, in the files that their authors prepared, as plain arrays."""
