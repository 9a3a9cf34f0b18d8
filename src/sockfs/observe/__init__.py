"""What one can see: the picture of all structures, the tables of ss and its kin, the call graph, packets in
a file."""
