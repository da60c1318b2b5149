"""Many patients from one job file, reproducibly: what `moulage batch` runs.

A `Job` says what is wanted, `draw_patient` what one patient gets, independently of all others.
"""
