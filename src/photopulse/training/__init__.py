"""Recipes that train the networks which come with photopulse: one readable recipe a file."""
