"""How good a network is: its pictures beside real ones, measure by measure. `report.evaluate` runs them all.

Every measure is shown beside what real pictures reach among themselves, with a bootstrap interval.
"""
