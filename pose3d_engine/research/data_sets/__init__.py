"""What lifters learn from and are judged by, as plain arrays: the papers' data sets, in the files that their authors
prepared, and motion capture through virtual cameras."""
