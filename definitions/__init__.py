"""What our workflows are: the compilers, their guards, and the documents that ship."""
