/* Only keeps the folder a library until its first module lands. */
int server_placeholder(void);
int server_placeholder(void)
{
    return 0;
}
