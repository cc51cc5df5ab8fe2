-- Dead letters with their reason, their place in the log and their original bytes.
SELECT received_at, robot_id, topic_id, principal, stream_epoch, seq,
       reason, pointer, value, further, payload_bytes, payload_sha256, payload,
       log_epoch, partition, "offset", ordinal
FROM rejected
