"""The methods of the benchmark, one folder each; see the README of each folder."""
