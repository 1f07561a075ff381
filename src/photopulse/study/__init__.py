"""`photopulse study`: people rate pictures, and their answers become figures with intervals."""
