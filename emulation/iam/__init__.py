"""IAM's evaluation, pure: policies in, a decision out. What reads requests is the gateway.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""
