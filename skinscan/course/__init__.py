"""A course of treatment: from a folder or a manifest to what the whole of it shows.

reading (Plan) -> measuring (each visit against the baseline and the one before) -> judging -> Course
"""
