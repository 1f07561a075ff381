"""Whom the generator draws when people are shown: `photopulse audit`."""
