-- part: is_free
(lease_expires_at IS NULL OR lease_expires_at < now())

-- part: renewed
lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)

-- part: taken
attempts = attempts + 1, lease_token = gen_random_uuid(), {renewed}

-- part: got_on
attempts = 0, {renewed}

-- part: put_back
attempts = greatest(attempts - 1, 0), {renewed}
