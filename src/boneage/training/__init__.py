"""Recipes, the training loop, losses, augmentation, distribution and export. The only room with torch but models."""
