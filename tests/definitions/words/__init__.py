"""Tests of what shoppers read."""
