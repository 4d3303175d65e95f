/* The encoded test card. The assembler finds the files by its -I. */
    .section .rodata
    .balign 16
    .globl card_video, card_video_end, card_audio, card_audio_end
    .hidden card_video, card_video_end, card_audio, card_audio_end
card_video:
    .incbin "card.h264"
card_video_end:
card_audio:
    .incbin "card.aac"
card_audio_end:
    .section .note.GNU-stack, "", %progbits
