#include "client/panel_frames.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "proto/codec.h"

#define TRUST_RUN 8u           /* frames in a row until markers, or a frame step, are relied on */
#define WAIT_NS (NS_PER_S / 2) /* for reordered packets */
#define STEP_MAX (1 << 21)     /* ticks; 23 s of video: what is more is a jump */

static int32_t ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

bool panel_frames_markers_trusted(const struct panel_frames *frames)
{
    return frames->marker_run >= TRUST_RUN;
}

/* Does a sequence number lie between the frames before and behind that one? */
static bool fits_between(const struct panel_frames *frames, unsigned i, uint32_t sequence)
{
    bool has_before = i > 0 || frames->has_settled;
    uint32_t before = i > 0 ? frames->open[i - 1].last : frames->settled_last;
    if (has_before && ahead(sequence, before) <= 0)
        return false;
    return i + 1 >= frames->open_count || ahead(sequence, frames->open[i + 1].first) < 0;
}

/* The open frame that a packet is of. A packet in order can only be of the newest. */
static struct panel_frame *find_frame(struct panel_frames *frames,
                                      const struct panel_frame_packet *packet)
{
    for (unsigned i = frames->open_count; i-- > 0;) {
        if (frames->open[i].timestamp == packet->timestamp &&
            fits_between(frames, i, packet->sequence))
            return &frames->open[i];
        if (packet->in_order)
            break;
    }
    return NULL;
}

static void extend_frame(struct panel_frames *frames, struct panel_frame *frame,
                         const struct panel_frame_packet *packet)
{
    frame->received++;
    frame->marks |= (uint8_t)packet->marks;
    if (packet->arrival_ns > frame->last_arrival_ns)
        frame->last_arrival_ns = packet->arrival_ns;
    if (ahead(packet->sequence, frame->first) < 0) {
        frame->first = packet->sequence;
        frame->starts = packet->marks & CODEC_FRAME_START;
    }
    if (ahead(packet->sequence, frame->last) > 0) {
        if (frame->marker)
            frames->marker_run = 0; /* the frame went on behind it */
        frame->last = packet->sequence;
        frame->marker = packet->marker;
    }
}

/* A frame goes in by its sequence number; one that lies before what is settled, or inside another
   frame, is dropped: the stream reuses timestamps, and no verdict would mean anything. */
static void insert_frame(struct panel_frames *frames, const struct panel_frame_packet *packet)
{
    unsigned at = frames->open_count;
    while (at > 0 && ahead(frames->open[at - 1].first, packet->sequence) > 0)
        at--;
    bool has_before = at > 0 || frames->has_settled;
    uint32_t before = at > 0 ? frames->open[at - 1].last : frames->settled_last;
    if (has_before && ahead(packet->sequence, before) <= 0)
        return;
    assert(frames->open_count < PANEL_FRAMES_OPEN);
    memmove(&frames->open[at + 1], &frames->open[at],
            (frames->open_count - at) * sizeof(frames->open[0]));
    frames->open_count++;
    frames->open[at] = (struct panel_frame){
        .last_arrival_ns = packet->arrival_ns,
        .first = packet->sequence,
        .last = packet->sequence,
        .received = 1,
        .timestamp = packet->timestamp,
        .marks = (uint8_t)packet->marks,
        .starts = packet->marks & CODEC_FRAME_START,
        .marker = packet->marker,
        .due = packet->decoding.due,
        .has_due = packet->decoding.is_known,
        .anew = packet->decoding.anew,
    };
}

/* A packet far ahead that its receiver doesn't believe yet would only be in the way. */
static bool is_out_of_place(const struct panel_frames *frames,
                            const struct panel_frame_packet *packet)
{
    if (packet->in_order)
        return false;
    return frames->open_count == 0 ||
           ahead(packet->sequence, frames->open[frames->open_count - 1].last) > 0;
}

void panel_frames_add(struct panel_frames *frames, const struct panel_frame_packet *packet)
{
    if (is_out_of_place(frames, packet))
        return;
    struct panel_frame *frame = find_frame(frames, packet);
    if (frame)
        extend_frame(frames, frame, packet);
    else
        insert_frame(frames, packet);
}

const struct panel_frame *panel_frames_newest(const struct panel_frames *frames)
{
    return frames->open_count > 0 ? &frames->open[frames->open_count - 1] : NULL;
}

uint64_t panel_frames_pending_ns(const struct panel_frames *frames)
{
    const struct panel_frame *newest = panel_frames_newest(frames);
    return newest ? newest->last_arrival_ns : 0;
}

static bool follows(uint32_t next_first, uint32_t last)
{
    return next_first == last + 1;
}

static bool is_near(int64_t value, int64_t wanted, int64_t tolerance)
{
    return value >= wanted - tolerance && value <= wanted + tolerance;
}

/* Is a frame just as far from the one before as any from the next, so that none is missing between?
 */
static bool is_one_step(const struct panel_frames *frames, uint32_t from_due,
                        const struct panel_frame *to)
{
    return to->has_due && frames->step_run >= TRUST_RUN &&
           is_near(ahead(to->due, from_due), frames->step, frames->step / 4);
}

/* Do the packets missing before a frame belong to it? Before the very first nothing is known to
 * miss. */
static enum panel_verdict judge_head(const struct panel_frames *frames, bool starts_known,
                                     const struct panel_frame *frame)
{
    if (!frames->has_settled)
        return starts_known && !frame->starts ? PANEL_SUSPECT : PANEL_COMPLETE;
    if (follows(frame->first, frames->settled_last))
        return PANEL_COMPLETE;
    if (starts_known && !frame->starts)
        return PANEL_DAMAGED;
    /* The frame before it had ended, and no other lies between. */
    if (frames->settled_marker && frames->settled_has_due &&
        is_one_step(frames, frames->settled_due, frame))
        return PANEL_DAMAGED;
    bool one_missing = frame->first - frames->settled_last == 2;
    bool cut_before = panel_frames_markers_trusted(frames) && !frames->settled_marker;
    return starts_known || (one_missing && cut_before) ? PANEL_COMPLETE : PANEL_SUSPECT;
}

/* Do the packets missing behind a frame belong to it? */
static enum panel_verdict judge_tail(const struct panel_frames *frames, bool starts_known,
                                     const struct panel_frame *frame,
                                     const struct panel_frame *next)
{
    if (next && follows(next->first, frame->last))
        return PANEL_COMPLETE;
    if (panel_frames_markers_trusted(frames))
        return frame->marker ? PANEL_COMPLETE : PANEL_DAMAGED;
    if (!next || !starts_known)
        return PANEL_SUSPECT;
    if (!next->starts)
        return next->first - frame->last == 2 ? PANEL_COMPLETE : PANEL_SUSPECT;
    bool one_step = frame->has_due && is_one_step(frames, frame->due, next);
    return one_step ? PANEL_DAMAGED : PANEL_SUSPECT;
}

static enum panel_verdict judge(const struct panel_frames *frames, bool starts_known,
                                const struct panel_frame *frame, const struct panel_frame *next)
{
    if (frame->received != frame->last - frame->first + 1 || frame->marks & CODEC_DAMAGED)
        return PANEL_DAMAGED;
    enum panel_verdict head = judge_head(frames, starts_known, frame);
    enum panel_verdict tail = judge_tail(frames, starts_known, frame, next);
    if (head == PANEL_DAMAGED || tail == PANEL_DAMAGED)
        return PANEL_DAMAGED;
    return head == PANEL_SUSPECT || tail == PANEL_SUSPECT ? PANEL_SUSPECT : PANEL_COMPLETE;
}

static uint8_t one_more(uint8_t run)
{
    return run < UINT8_MAX ? (uint8_t)(run + 1) : run;
}

/* What two frames with nothing missing between them say about all the others; less than nothing
   once it shows that those before had been taken for decoded when they weren't. */
static void learn(struct panel_frames *frames, const struct panel_frame *frame,
                  const struct panel_frame *next)
{
    int32_t step = ahead(next->due, frame->due);
    frames->marker_run = frame->marker ? one_more(frames->marker_run) : 0;
    if (next->anew) {
        frames->steps = 0;
        frames->step_ticks = 0;
        frames->step_run = 0;
        return;
    }
    if (!frame->has_due || !next->has_due || step > STEP_MAX || step < -STEP_MAX)
        return;
    frames->steps++;
    frames->step_ticks += step;
    if (frames->step_run > 0 && is_near(step, frames->step, frames->step / 8)) {
        frames->step_run = one_more(frames->step_run);
    } else {
        frames->step = step > 0 ? (uint32_t)step : 0;
        frames->step_run = step > 0;
    }
}

static bool waited_enough(const struct panel_frames *frames)
{
    const struct panel_frame *oldest = &frames->open[0];
    const struct panel_frame *newest = &frames->open[frames->open_count - 1];
    return frames->open_count == PANEL_FRAMES_OPEN ||
           newest->last_arrival_ns > oldest->last_arrival_ns + WAIT_NS;
}

static void remove_oldest(struct panel_frames *frames)
{
    const struct panel_frame *frame = &frames->open[0];
    frames->has_settled = true;
    frames->settled_last = frame->last;
    frames->settled_due = frame->due;
    frames->settled_has_due = frame->has_due;
    frames->settled_marker = frame->marker && panel_frames_markers_trusted(frames);
    frames->open_count--;
    memmove(&frames->open[0], &frames->open[1], frames->open_count * sizeof(frames->open[0]));
}

bool panel_frames_settle(struct panel_frames *frames, bool starts_known, bool flush,
                         struct panel_frame *frame, enum panel_verdict *verdict)
{
    const struct panel_frame *next = frames->open_count > 1 ? &frames->open[1] : NULL;
    if (frames->open_count == 0 || (!next && !flush))
        return false;
    *frame = frames->open[0];
    if (!next && !(frame->marker && panel_frames_markers_trusted(frames))) {
        remove_oldest(frames);
        return false;
    }
    *verdict = judge(frames, starts_known, frame, next);
    if (*verdict != PANEL_COMPLETE && !flush && !waited_enough(frames))
        return false;
    if (next && follows(next->first, frame->last))
        learn(frames, frame, next);
    remove_oldest(frames);
    return true;
}
