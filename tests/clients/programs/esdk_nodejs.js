// SPDX-License-Identifier: Apache-2.0
// esdk-obs-nodejs: all that it can do with buckets and objects.
'use strict';

const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const ObsClient = require('esdk-obs-nodejs');

const MIB = 1024 ** 2;
const MODE = process.env.CLIENT_MODE;
const REGION = process.env.BUCKET_REGION;
const BUCKET = `esdk-nodejs-${MODE}`;
const WORK = fs.mkdtempSync(path.join(os.tmpdir(), 'esdk-'));
const BIG = crypto.randomBytes(3 * MIB);

const client = new ObsClient({
  access_key_id: process.env.BUCKET_ACCESS_KEY,
  secret_access_key: process.env.BUCKET_SECRET_KEY,
  server: process.env.BUCKET_URL,
  signature: MODE === 'negotiated' ? 'obs' : MODE,
  is_signature_negotiation: MODE === 'negotiated',
  region: REGION,
  max_retry_count: 0,
});

async function done(promise) {
  const result = await promise;
  const told = result.CommonMsg;
  assert.ok(told.Status < 300, `${told.Status} ${told.Code} ${told.Message}`);
  assert.ok(told.RequestId);
  return result.InterfaceResult;
}

async function refused(promise, code) {
  const told = (await promise).CommonMsg;
  assert.strictEqual(told.Code, code);
  assert.ok(told.Message);
  assert.ok(told.RequestId);
}

function ask(method, url, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({
        status: answer.statusCode, body: Buffer.concat(chunks),
      }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const operations = {
  async create_bucket() {
    await done(client.createBucket({ Bucket: BUCKET, Location: REGION }));
  },
  async list_buckets() {
    const found = await done(client.listBuckets({ QueryLocation: true }));
    const own = found.Buckets.find((each) => each.BucketName === BUCKET);
    assert.strictEqual(own.Location, REGION);
  },
  async head_bucket() {
    await done(client.headBucket({ Bucket: BUCKET }));
    const none = await client.headBucket({ Bucket: 'there-is-none' });
    assert.strictEqual(none.CommonMsg.Status, 404);
  },
  async bucket_metadata() {
    const found = await done(client.getBucketMetadata({ Bucket: BUCKET }));
    assert.strictEqual(found.Location, REGION);
  },
  async bucket_location() {
    const found = await done(client.getBucketLocation({ Bucket: BUCKET }));
    assert.strictEqual(found.Location, REGION);
  },
  async bucket_acl() {
    const found = await done(client.getBucketAcl({ Bucket: BUCKET }));
    assert.strictEqual(found.Grants[0].Permission, 'FULL_CONTROL');
  },
  async bucket_settings() {
    const which = { Bucket: BUCKET };
    await refused(client.getBucketPolicy(which), 'NoSuchBucketPolicy');
    await refused(client.getBucketCors(which), 'NoSuchCORSConfiguration');
    await refused(
      client.getBucketLifecycleConfiguration(which),
      'NoSuchLifecycleConfiguration',
    );
    await refused(client.getBucketTagging(which), 'NoSuchTagSet');
    await done(client.getBucketVersioningConfiguration(which));
  },
  async put_object() {
    await done(client.putObject({
      Bucket: BUCKET,
      Key: 'a b/ü%20+',
      Body: 'content',
      Metadata: { origin: 'test' },
    }));
  },
  async put_file() {
    const file = path.join(WORK, 'big');
    fs.writeFileSync(file, BIG);
    await done(client.putObject({
      Bucket: BUCKET, Key: 'big', SourceFile: file,
    }));
  },
  async head_object() {
    const found = await done(client.getObjectMetadata({
      Bucket: BUCKET, Key: 'a b/ü%20+',
    }));
    assert.strictEqual(found.ContentLength, '7');
    assert.strictEqual(found.Metadata.origin, 'test');
  },
  async get_object() {
    const found = await done(client.getObject({
      Bucket: BUCKET, Key: 'a b/ü%20+',
    }));
    assert.strictEqual(found.Content.toString(), 'content');
    await refused(
      client.getObject({ Bucket: BUCKET, Key: 'none' }), 'NoSuchKey',
    );
    const file = path.join(WORK, 'down');
    await done(client.getObject({
      Bucket: BUCKET, Key: 'big', SaveAsFile: file,
    }));
    assert.ok(fs.readFileSync(file).equals(BIG));
  },
  async get_range() {
    const file = path.join(WORK, 'range');
    await done(client.getObject({
      Bucket: BUCKET, Key: 'big', Range: 'bytes=1-9', SaveAsFile: file,
    }));
    assert.ok(fs.readFileSync(file).equals(BIG.subarray(1, 10)));
  },
  async copy_object() {
    await done(client.copyObject({
      Bucket: BUCKET, Key: 'copy', CopySource: `${BUCKET}/big`,
    }));
  },
  async set_metadata() {
    await done(client.setObjectMetadata({
      Bucket: BUCKET,
      Key: 'copy',
      Metadata: { purpose: 'x' },
      MetadataDirective: 'REPLACE',
    }));
    const found = await done(client.getObjectMetadata({
      Bucket: BUCKET, Key: 'copy',
    }));
    assert.strictEqual(found.Metadata.purpose, 'x');
  },
  async list_objects() {
    for (const key of ['dir/1', 'dir/2', 'dir/sub/3']) {
      await done(client.putObject({ Bucket: BUCKET, Key: key, Body: 'x' }));
    }
    const found = await done(client.listObjects({
      Bucket: BUCKET, Prefix: 'dir/', Delimiter: '/',
    }));
    assert.deepStrictEqual(
      found.Contents.map((each) => each.Key), ['dir/1', 'dir/2'],
    );
    assert.deepStrictEqual(
      found.CommonPrefixes.map((each) => each.Prefix), ['dir/sub/'],
    );
    const keys = [];
    let marker;
    for (;;) {
      const page = await done(client.listObjects({
        Bucket: BUCKET, Marker: marker, MaxKeys: 2,
      }));
      keys.push(...page.Contents.map((each) => each.Key));
      if (page.IsTruncated !== 'true') {
        break;
      }
      marker = page.NextMarker;
    }
    assert.strictEqual(keys.length, 6);
  },
  async list_versions() {
    const found = await done(client.listVersions({ Bucket: BUCKET }));
    assert.strictEqual(found.Versions.length, 6);
  },
  async multipart() {
    const which = { Bucket: BUCKET, Key: 'parts' };
    const begun = await done(client.initiateMultipartUpload(which));
    const upload = { ...which, UploadId: begun.UploadId };
    const parts = [];
    for (const [number, body] of [
      [1, BIG.subarray(0, MIB)], [2, BIG.subarray(MIB)],
    ]) {
      const file = path.join(WORK, `part-${number}`);
      fs.writeFileSync(file, body);
      const sent = await done(client.uploadPart({
        ...upload, PartNumber: number, SourceFile: file,
      }));
      parts.push({ PartNumber: number, ETag: sent.ETag });
    }
    const copied = await done(client.copyPart({
      ...upload,
      PartNumber: 3,
      CopySource: `${BUCKET}/big`,
      CopySourceRange: 'bytes=0-99',
    }));
    parts.push({ PartNumber: 3, ETag: copied.ETag });
    const listed = await done(client.listParts(upload));
    assert.strictEqual(listed.Parts.length, 3);
    const uploads = await done(client.listMultipartUploads({
      Bucket: BUCKET,
    }));
    assert.strictEqual(uploads.Uploads.length, 1);
    await done(client.completeMultipartUpload({ ...upload, Parts: parts }));
    const file = path.join(WORK, 'parts');
    await done(client.getObject({ ...which, SaveAsFile: file }));
    assert.ok(
      fs.readFileSync(file).equals(Buffer.concat([BIG, BIG.subarray(0, 100)])),
    );
  },
  async abort_multipart() {
    const which = { Bucket: BUCKET, Key: 'no' };
    const begun = await done(client.initiateMultipartUpload(which));
    const upload = { ...which, UploadId: begun.UploadId };
    await done(client.abortMultipartUpload(upload));
    await refused(client.listParts(upload), 'NoSuchUpload');
  },
  async signed_url() {
    const read = client.createSignedUrlSync({
      Method: 'GET', Bucket: BUCKET, Key: 'a b/ü%20+', Expires: 60,
    });
    const found = await ask('GET', read.SignedUrl);
    assert.strictEqual(found.body.toString(), 'content');
    const write = client.createSignedUrlSync({
      Method: 'PUT',
      Bucket: BUCKET,
      Key: 'by url',
      Expires: 60,
      Headers: { 'Content-Type': 'text/plain' },
    });
    const sent = await ask(
      'PUT', write.SignedUrl, write.ActualSignedRequestHeaders, 'by url',
    );
    assert.strictEqual(sent.status, 200, sent.body.toString());
  },
  async storage_info() {
    const found = await done(client.getBucketStorageInfo({ Bucket: BUCKET }));
    assert.strictEqual(found.ObjectNumber, '8');
  },
  async delete_objects() {
    const listed = await done(client.listObjects({ Bucket: BUCKET }));
    const keys = listed.Contents.map((each) => ({ Key: each.Key }));
    await done(client.deleteObject({ Bucket: BUCKET, ...keys[0] }));
    await refused(client.deleteBucket({ Bucket: BUCKET }), 'BucketNotEmpty');
    await done(client.deleteObjects({
      Bucket: BUCKET, Quiet: false, Objects: keys,
    }));
  },
  async delete_bucket() {
    await done(client.deleteBucket({ Bucket: BUCKET }));
    await refused(client.listObjects({ Bucket: BUCKET }), 'NoSuchBucket');
  },
};

(async () => {
  // The client makes itself ready after its constructor has returned.
  await new Promise(setImmediate);
  for (const [operation, attempt] of Object.entries(operations)) {
    let error = null;
    try {
      await attempt();
    } catch (caught) {
      error = String(caught.stack || caught);
    }
    console.log(JSON.stringify({ operation, error }));
  }
})();
