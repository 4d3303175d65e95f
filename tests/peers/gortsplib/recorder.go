// A server that takes what is published, and counts it: what gortsplib (MediaMTX's engine) heard of rtspbench.
//
//	recorder PORT
//
// listens at 127.0.0.1, for RTP over UDP at PORT and PORT + 1 (PORT is even). Prints "ready", a JSON line a
// session as it ends, and runs until it is killed.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

type session struct {
	Path     string   `json:"path"`
	Formats  []string `json:"formats"`
	Packets  uint64   `json:"packets"`  // RTP, as they came out of gortsplib
	Lost     uint64   `json:"lost"`     // as gortsplib noticed
	Pictures uint64   `json:"pictures"` // H.264 access units put together again
	Reports  uint64   `json:"reports"`  // RTCP packets
	Errors   []string `json:"errors"`   // what gortsplib and its decoder complained of
	Ended    string   `json:"ended"`
}

type recorder struct {
	mutex    sync.Mutex
	sessions map[*gortsplib.ServerSession]*session
}

// with runs a change of a session's numbers: packets of its tracks come from several goroutines.
func (r *recorder) with(of *gortsplib.ServerSession, change func(*session)) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if one := r.sessions[of]; one != nil {
		change(one)
	}
}

func (r *recorder) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	one := &session{Path: ctx.Path, Errors: []string{}}
	for _, media := range ctx.Description.Medias {
		for _, forma := range media.Formats {
			one.Formats = append(one.Formats, forma.Codec())
		}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sessions[ctx.Session] = one
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *recorder) OnSetup(_ *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil, nil
}

// pictures puts the access units of a track together.
func (r *recorder) pictures(of *gortsplib.ServerSession, media *description.Media, h264 *format.H264) error {
	decoder, err := h264.CreateDecoder()
	if err != nil {
		return err
	}
	of.OnPacketRTP(media, h264, func(packet *rtp.Packet) {
		_, err := decoder.Decode(packet)
		r.with(of, func(one *session) {
			one.Packets++
			if err == nil {
				one.Pictures++
			} else if !errors.Is(err, rtph264.ErrMorePacketsNeeded) {
				one.Errors = append(one.Errors, err.Error())
			}
		})
	})
	return nil
}

func (r *recorder) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	ctx.Session.OnPacketRTPAny(func(*description.Media, format.Format, *rtp.Packet) {
		r.with(ctx.Session, func(one *session) { one.Packets++ })
	})
	ctx.Session.OnPacketRTCPAny(func(*description.Media, rtcp.Packet) {
		r.with(ctx.Session, func(one *session) { one.Reports++ })
	})
	for _, media := range ctx.Session.AnnouncedDescription().Medias {
		if h264, ok := media.Formats[0].(*format.H264); ok {
			if err := r.pictures(ctx.Session, media, h264); err != nil {
				return &base.Response{StatusCode: base.StatusBadRequest}, err
			}
		}
	}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *recorder) OnPacketsLost(ctx *gortsplib.ServerHandlerOnPacketsLostCtx) {
	r.with(ctx.Session, func(one *session) { one.Lost += ctx.Lost })
}

func (r *recorder) OnDecodeError(ctx *gortsplib.ServerHandlerOnDecodeErrorCtx) {
	r.with(ctx.Session, func(one *session) { one.Errors = append(one.Errors, ctx.Error.Error()) })
}

func (r *recorder) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	r.with(ctx.Session, func(one *session) {
		one.Ended = ctx.Error.Error()
		line, _ := json.Marshal(one)
		fmt.Printf("session %s\n", line)
		delete(r.sessions, ctx.Session)
	})
}

// readBuffer is what a socket may be given here: all publishers' packets come to one. 0: the system's.
func readBuffer() int {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		return 0
	}
	most, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return min(most, 4<<20)
}

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	server := &gortsplib.Server{
		Handler:           &recorder{sessions: map[*gortsplib.ServerSession]*session{}},
		RTSPAddress:       fmt.Sprintf("127.0.0.1:%d", port),
		UDPRTPAddress:     fmt.Sprintf("127.0.0.1:%d", port),
		UDPRTCPAddress:    fmt.Sprintf("127.0.0.1:%d", port+1),
		UDPReadBufferSize: readBuffer(),
	}
	if err := server.Start(); err != nil {
		panic(err)
	}
	fmt.Println("ready")
	panic(server.Wait())
}
