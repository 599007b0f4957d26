# SPDX-License-Identifier: Apache-2.0
"""Options that the modules have in common."""


class ModuleDocFragment:
    """Documentation of the options that say which cloud is meant."""

    DOCUMENTATION = r"""
options:
  cloud:
    description:
      - Name of a cloud in C(clouds.yaml), or a dictionary with what such an
        entry holds.
      - The environment variable E(OS_CLOUD) decides where there is none.
    type: raw
  auth:
    description:
      - Dictionary with what the authentication plugin needs, for example
        C(auth_url), C(username), C(password) and C(project_name).
    type: dict
  auth_type:
    description:
      - Name of the authentication plugin, for example C(v3aksk).
    type: str
  region_name:
    description:
      - Name of the region.
    type: str
  validate_certs:
    description:
      - Whether the servers' certificates are verified.
    type: bool
    aliases: [verify]
  ca_cert:
    description:
      - Path of a file with the certificates of authorities.
    type: path
    aliases: [cacert]
  client_cert:
    description:
      - Path of a file with the client's certificate.
    type: path
    aliases: [cert]
  client_key:
    description:
      - Path of a file with the client's key.
    type: path
    aliases: [key]
  api_timeout:
    description:
      - Seconds that one request may take.
    type: int
  interface:
    description:
      - Kind of endpoint that is taken from the catalog.
    type: str
    choices: [admin, internal, public]
    aliases: [endpoint_type]
requirements:
  - python >= 3.11
  - ims-ext
"""

    WAIT = r"""
options:
  wait:
    description:
      - Whether to wait until the cloud has done what was asked of it.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait at most.
    type: int
    default: 3600
"""
