"""Recipes, the training loop, losses, augmentation, distributed training, export and calibration."""
