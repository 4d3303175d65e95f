/* The bundled front end. The assembler finds the files by its -I. */
    .section .rodata
    .globl web_page, web_page_end, web_style, web_style_end, web_script, web_script_end
    .hidden web_page, web_page_end, web_style, web_style_end, web_script, web_script_end
web_page:
    .incbin "page.html"
web_page_end:
web_style:
    .incbin "app.css"
web_style_end:
web_script:
    .incbin "app.js"
web_script_end:
    .section .note.GNU-stack, "", %progbits
