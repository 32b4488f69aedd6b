"""Readings against labels: metrics, comparisons, robustness, plots, reports and model cards."""
