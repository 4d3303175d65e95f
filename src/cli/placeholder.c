/* Only keeps the folder a library until its first module lands. */
int cli_placeholder(void);
int cli_placeholder(void)
{
    return 0;
}
