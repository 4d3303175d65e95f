/* Only keeps the folder a library until its first module lands. */
int client_placeholder(void);
int client_placeholder(void)
{
    return 0;
}
