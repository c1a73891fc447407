"""The project's own runtime client, for where AWS's is not installed.

AWS's client is the package ``awslambdaric``, with which Lambda's managed Python runtime runs a
function (https://github.com/aws/aws-lambda-python-runtime-interface-client). There are no wheels of
it for macOS. This one has the same name and, where a function can see it, the same shape, so that
a function cannot tell one from the other. It imports nothing but the standard library.
"""
