"""IAM's policy evaluation without I/O: policies in, a decision out. The gateway reads requests.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""
