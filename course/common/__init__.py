"""What every other wing may use: arguments checked, names and numbers as words, pages, parallel work, paths.

**In**: plain values. **Out**: the same, checked or worded. Knows nothing of formulas, data or models.
"""
