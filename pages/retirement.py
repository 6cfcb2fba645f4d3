"""retirement"""
import streamlit as st
st.write("retirement")
