"""The mathematics behind weights with a target: arrays in, arrays out, no labels, no names."""
