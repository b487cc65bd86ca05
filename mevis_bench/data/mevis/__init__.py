"""The MeViS data set, versions 1 and 2: layout, annotations, splits, verification."""
