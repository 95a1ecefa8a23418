"""Each speed target beside what was measured, as ratios against bare loops carried here; run by
``make bench``.
"""
