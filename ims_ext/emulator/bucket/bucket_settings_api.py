# SPDX-License-Identifier: Apache-2.0
"""Settings of buckets and objects: what a cloud says of those not made."""

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import Level
from ims_ext.emulator.bucket.call import operation
from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.dialect import OBS
from ims_ext.emulator.bucket.document import Node
from ims_ext.emulator.bucket.document import render
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.errors import access_denied

#: The refusal for a setting that has not been made, by its parameter.
_UNSET = {
    'cors': 'NoSuchCORSConfiguration',
    'encryption': 'ServerSideEncryptionConfigurationNotFoundError',
    'lifecycle': 'NoSuchLifecycleConfiguration',
    'policy': 'NoSuchBucketPolicy',
    'tagging': 'NoSuchTagSet',
    'website': 'NoSuchWebsiteConfiguration',
}
_OBS_UNSET = {'encryption': 'NoSuchEncryptionConfiguration'}

_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


class BucketSettingsApi:
    """The settings of buckets, which nothing here can change.

    :param contents: What there is.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    @operation('GetBucketLocation', 'GET', Level.BUCKET, 'location')
    def location(self, call: Call) -> Response:
        """Answer with the bucket's region."""
        region = self._contents.bucket(call.project_id, call.bucket).region
        if call.dialect is OBS:
            namespace = call.dialect.namespace
            body = render('Location', [], namespace).replace(
                b'></', f'>{region}</'.encode()
            )
            return Response(body, content_type='application/xml')
        # Clients of S3 read the root's text, those of OBS that speak S3 the
        # child's.
        response = call.document(
            'CreateBucketConfiguration', [('LocationConstraint', region)]
        )
        response.data = response.data.replace(
            b'><Loc', f'>{region}<Loc'.encode()
        )
        return response

    @operation('GetBucketCORS', 'GET', Level.BUCKET, 'cors')
    @operation('GetBucketEncryption', 'GET', Level.BUCKET, 'encryption')
    @operation('GetBucketLifecycle', 'GET', Level.BUCKET, 'lifecycle')
    @operation('GetBucketPolicy', 'GET', Level.BUCKET, 'policy')
    @operation('GetBucketTagging', 'GET', Level.BUCKET, 'tagging')
    @operation('GetBucketWebsite', 'GET', Level.BUCKET, 'website')
    def unset(self, call: Call) -> Response:
        """Refuse, as a cloud does where a setting has not been made."""
        self._contents.bucket(call.project_id, call.bucket)
        (name,) = _UNSET.keys() & call.params.keys()
        code = _UNSET[name]
        if call.dialect is OBS:
            code = _OBS_UNSET.get(name, code)
        raise S3Error(code, f"The bucket has no {name} configuration.", 404)

    @operation('GetBucketVersioning', 'GET', Level.BUCKET, 'versioning')
    def versioning(self, call: Call) -> Response:
        """Answer that there are no versions."""
        return self._setting(call, 'VersioningConfiguration')

    @operation('GetBucketLogging', 'GET', Level.BUCKET, 'logging')
    def logging(self, call: Call) -> Response:
        """Answer that nothing is logged."""
        return self._setting(call, 'BucketLoggingStatus')

    @operation('GetBucketNotification', 'GET', Level.BUCKET, 'notification')
    def notification(self, call: Call) -> Response:
        """Answer that nobody is told of changes."""
        return self._setting(call, 'NotificationConfiguration')

    @operation(
        'GetBucketRequestPayment', 'GET', Level.BUCKET, 'requestPayment'
    )
    def request_payment(self, call: Call) -> Response:
        """Answer that the owner pays."""
        return self._setting(
            call, 'RequestPaymentConfiguration', [('Payer', 'BucketOwner')]
        )

    @operation('GetBucketQuota', 'GET', Level.BUCKET, 'quota')
    def quota(self, call: Call) -> Response:
        """Answer that there is no quota."""
        return self._setting(call, 'Quota', [('StorageQuota', 0)])

    @operation('GetBucketStorageInfo', 'GET', Level.BUCKET, 'storageinfo')
    def storage_info(self, call: Call) -> Response:
        """Answer with how much the bucket holds."""
        size, count = self._contents.usage(call.bucket)
        return self._setting(
            call,
            'GetBucketStorageInfoResult',
            [('Size', size), ('ObjectNumber', count)],
        )

    @operation('GetBucketAcl', 'GET', Level.BUCKET, 'acl')
    def bucket_acl(self, call: Call) -> Response:
        """Answer that the bucket is its owner's alone."""
        self._contents.bucket(call.project_id, call.bucket)
        return self._acl(call)

    @operation('GetObjectAcl', 'GET', Level.OBJECT, 'acl', takes='versionId')
    def object_acl(self, call: Call) -> Response:
        """Answer that the object is its owner's alone."""
        self._contents.object(call.project_id, call.bucket, call.key)
        return self._acl(call)

    @operation(
        'GetObjectTagging', 'GET', Level.OBJECT, 'tagging', takes='versionId'
    )
    def object_tagging(self, call: Call) -> Response:
        """Answer that the object has no tags."""
        self._contents.object(call.project_id, call.bucket, call.key)
        return call.document('Tagging', [('TagSet', [])])

    @operation('OptionsBucket', 'OPTIONS', Level.BUCKET)
    @operation('OptionsObject', 'OPTIONS', Level.OBJECT)
    def options(self, call: Call) -> Response:
        """Refuse what pages of other origins ask first."""
        self._contents.bucket(call.project_id, call.bucket)
        raise access_denied("CORS is not enabled for this bucket.")

    def _setting(
        self, call: Call, root: str, nodes: list[Node] | None = None
    ) -> Response:
        self._contents.bucket(call.project_id, call.bucket)
        return call.document(root, nodes or [])

    def _acl(self, call: Call) -> Response:
        grantee = 'Grantee'
        if call.dialect is not OBS:
            grantee += f' {_XSI} xsi:type="CanonicalUser"'
        grant: list[Node] = [
            (grantee, call.owner),
            ('Permission', 'FULL_CONTROL'),
        ]
        return call.document(
            'AccessControlPolicy',
            [
                ('Owner', call.owner),
                ('AccessControlList', [('Grant', grant)]),
            ],
        )
