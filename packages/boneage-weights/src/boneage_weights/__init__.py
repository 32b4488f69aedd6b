"""Weights for `boneage`, which finds the files beside this module through the entry point `boneage.weights`."""
