"""The bias audit, `photopulse audit`: success, error and change of skin tone by group."""
