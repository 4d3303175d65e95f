// Whether a run has readers, or publishers, so that nothing is shown of what there can't be.

// Before anything is known.
export const READERS = {reads: true, publishes: false};

export function whoOf({config, published, rtp, latency_ms: latency}) {
  const packets = published ? published.packets + published.dropped : 0; // older results don't say
  const publishes = packets > 0 || Boolean(config?.publish);
  return {publishes, reads: !publishes || rtp.packets > 0 || latency.play.count > 0};
}
