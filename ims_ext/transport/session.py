# SPDX-License-Identifier: Apache-2.0
"""Sessions that operations get in place of the proxy.

openstacksdk's resources take for granted that an answer is as documented.
:class:`CheckedSession` makes sure of it before they see it: a refusal raises,
with the service's code and advice, and a body is the documented JSON.
"""

import logging
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
import requests

from ims_ext import exceptions
from ims_ext import sdk
from ims_ext.transport import caller
from ims_ext.transport import response_body
from ims_ext.transport import retry

_logger = logging.getLogger(__name__)


class ProxySession(adapter.Adapter):
    """A session whose requests a proxy sends.

    :param proxy: The proxy, which also has everything else.
    """

    def __init__(self, proxy: Any) -> None:
        # Not Adapter's own: what it keeps is the proxy's.
        self._proxy = proxy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proxy, name)

    def request(
        self, url: str, method: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request, as :meth:`ims_ext.proxy.Proxy.request` does."""
        response: requests.Response = self._proxy.request(
            url, method, *args, **kwargs
        )
        return response

    def get_endpoint(self, *args: Any, **kwargs: Any) -> str | None:
        """Return the proxy's endpoint."""
        endpoint: str | None = self._proxy.get_endpoint(*args, **kwargs)
        return endpoint

    def get_endpoint_data(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the proxy knows of its endpoint."""
        return self._proxy.get_endpoint_data(*args, **kwargs)


class RetrySession(ProxySession):
    """A proxy with another retry policy.

    :param proxy: The proxy.
    :param policy: The policy.
    """

    def __init__(self, proxy: Any, policy: retry.Policy) -> None:
        super().__init__(proxy)
        self._policy = policy

    def request(
        self, url: str, method: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request by the policy."""
        kwargs.setdefault('retry_policy', self._policy)
        return super().request(url, method, *args, **kwargs)

    def get_project_id(self, auth: Any = None) -> str | None:
        """Return the ID of the project, asked for by the policy."""
        project_id: str | None = self._proxy.project_id_by(self._policy, auth)
        return project_id


class CheckedSession(ProxySession):
    """A proxy, whose requests raise what their answers stand for.

    :param proxy: The proxy.
    :param check: What a body has to be.
    :param purpose: What is being done, an error's first words.
    :param refusal: Likewise of a refusal; ``None`` to say only that it is
        one.
    """

    def __init__(
        self,
        proxy: Any,
        check: response_body.Check,
        purpose: str,
        refusal: str | None = None,
    ) -> None:
        super().__init__(proxy)
        self._check = check
        self._purpose = purpose
        self._refusal = refusal

    def known_connection(self) -> Any:
        """Return the connection, whose project is known."""
        return self._proxy._connection_with_project()

    def _get_connection(self) -> Any:
        return self.known_connection()

    def request(
        self, url: str, method: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request by the proxy.

        :raises: As :meth:`ims_ext.proxy.Proxy.request`, and
            :class:`~ims_ext.exceptions.CloudImageHttpError` for a refusal.
        """
        response = super().request(url, method, *args, **kwargs)
        if response.status_code >= 300:
            exceptions.raise_from_response(
                response,
                self._refusal
                if response.status_code >= 400
                else self._purpose,
            )
        return response_body.checked(response, self._check, self._purpose)


class UploadSession(CheckedSession):
    """The session of an image's creation with data.

    openstacksdk creates the image, sends the data, and deletes the image
    again where that fails.

    :ivar image: The image, as long as it is not deleted again.
    :ivar error: What reading the caller's data raised, if anything.
    """

    image: Any = None
    error: BaseException | None = None

    def request(
        self, url: str, method: str, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request by the proxy, and keep what its data raise."""
        source = kwargs['data'] = caller.Source.of(kwargs.get('data'))
        try:
            return super().request(url, method, *args, **kwargs)
        finally:
            if isinstance(source, caller.Source):
                self.error = source.error

    # By these names, openstacksdk asks the proxy for the steps.

    def _upload_image_put(self, *args: Any, **kwargs: Any) -> Any:
        upload = sdk.operation('upload_image_put')
        return upload(self, *args, **kwargs)

    def _create(self, *args: Any, **kwargs: Any) -> Any:
        self.image = sdk.create(self._proxy, *args, **kwargs)
        return self.image

    def delete_image(self, image_id: str) -> None:
        """Delete the image again, if that is possible.

        :param image_id: Its ID.
        """
        try:
            self._proxy.delete_image(image_id)
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ) as error:
            _logger.warning(
                "The image %s without data cannot be deleted: %s",
                image_id,
                error,
            )
        else:
            self.image = None
