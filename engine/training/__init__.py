"""Training a network on dermatoscopic images: data sets, their frozen split, packing, the trainer, the model folder.

Reading and splitting need no torch; `trainer` and what it builds on do.
"""
