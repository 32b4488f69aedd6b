"""Bone age in months from hand radiographs. Research use only, not a medical device."""
