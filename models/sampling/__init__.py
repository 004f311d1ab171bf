"""Quality samples: which measures a second reviewer sees, and what may be concluded from what they say.

A plan is hashed before anything is drawn, the draw is a sort by SHA-256, and a sample carries the probability with
which each measure came into it. So the same plan and frame give the same sample anywhere, and nothing can be swapped
afterwards unseen.
"""
