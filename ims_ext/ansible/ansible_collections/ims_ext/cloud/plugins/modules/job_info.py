#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.job_info``: jobs of the image service."""

DOCUMENTATION = r"""
module: job_info
short_description: Look a job up, or wait for its end
author: The ims-ext developers (@ims-ext)
description:
  - Returns a job of the image service.
options:
  job:
    description:
      - ID of the job.
    type: str
    required: true
    aliases: [id]
  wait:
    description:
      - Whether to wait for the job's end. One that fails is a failure of the
        module then.
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait at most.
    type: int
    default: 3600
extends_documentation_fragment:
  - ims_ext.cloud.ims
attributes:
  check_mode:
    support: full
    description: Looks only, as without it.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Wait for an import that was started before
  ims_ext.cloud.job_info:
    cloud: otc
    job: "{{ started.job_id }}"
    wait: true
"""

RETURN = r"""
job:
  description: The job.
  returned: success
  type: dict
  contains:
    id:
      description: ID of the job.
      type: str
    status:
      description: Status, for example C(RUNNING) or C(SUCCESS).
      type: str
    job_type:
      description: Type of the job.
      type: str
    progress:
      description: Per cent done, where the cloud tells.
      type: float
    image_ids:
      description: IDs of the images that the job has made.
      type: list
      elements: str
    error_code:
      description: Code of the failure.
      type: str
    fail_reason:
      description: Reason of the failure.
      type: str
"""

from typing import Any

from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module


class JobInfoModule(Module):
    """The module."""

    options = {
        'job': {'required': True, 'aliases': ['id']},
        'wait': {'type': 'bool', 'default': False},
        'timeout': {'type': 'int', 'default': 3600},
    }

    def run(self) -> dict[str, Any]:
        """Look the job up."""
        if self.params['wait']:
            job = self.ims.wait_for_job(
                self.params['job'], timeout=self.params['timeout']
            )
        else:
            job = self.ims.get_job(self.params['job'])
        code, reason = job.failure
        return {
            'changed': False,
            'job': {
                'id': job.id,
                'status': str(job.status),
                'job_type': job.job_type,
                'progress': job.progress,
                'image_ids': list(job.image_ids),
                'error_code': code,
                'fail_reason': reason,
            },
        }


def main() -> None:
    """Run the module."""
    JobInfoModule.main()


if __name__ == '__main__':
    main()
