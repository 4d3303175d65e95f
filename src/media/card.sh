#!/bin/sh
# Encodes the test card: card.sh FFMPEG VIDEO.h264 AUDIO.aac
#
# 16 s is the shortest lap of whole keyframe intervals (2 s) and whole AAC units (1024/48000 s), so it
# can be looped without a gap. One thread and bit-exact: the same ffmpeg always makes the same bytes.
set -e
ffmpeg=$1 video=$2 audio=$3
seconds=16

encode_video() {
    "$ffmpeg" -v error -nostdin -y -f lavfi \
        -i "testsrc2=size=960x540:rate=25:duration=$seconds$1" \
        -pix_fmt yuv420p -c:v libx264 -preset veryfast -profile:v main -threads 1 \
        -b:v 2M -maxrate 2M -bufsize 1M -g 50 -keyint_min 50 -sc_threshold 0 -bf 0 \
        -flags +bitexact -fflags +bitexact -f h264 "$video"
}

clock=",drawtext=text='%{pts\\:hms}':fontsize=96:fontcolor=white:box=1:boxcolor=black@0.6"
clock="$clock:boxborderw=16:x=(w-text_w)/2:y=(h-text_h)/2"
# Without a font the picture's own counter has to do.
encode_video "$clock" 2>/dev/null || encode_video ""

"$ffmpeg" -v error -nostdin -y -f lavfi \
    -i "aevalsrc='0.25*sin(2*PI*880*t)*lt(mod(t,1),0.08)':s=48000:d=$seconds" \
    -ac 2 -c:a aac -b:a 64k -threads 1 -flags +bitexact -fflags +bitexact -f adts "$audio"
